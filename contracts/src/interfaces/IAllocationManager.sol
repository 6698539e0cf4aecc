// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title IAllocationManager
/// @notice The part of EigenLayer's AllocationManager that is used here, declared from its signatures.
/// @dev Same selectors as EigenLayer core v1.4 and later (strategies are contract types there, addresses here).
interface IAllocationManager {
    struct OperatorSet {
        address avs;
        uint32 id;
    }

    struct CreateSetParams {
        uint32 operatorSetId;
        address[] strategies;
    }

    struct RegisterParams {
        address avs;
        uint32[] operatorSetIds;
        bytes data;
    }

    struct DeregisterParams {
        address operator;
        address avs;
        uint32[] operatorSetIds;
    }

    /// @notice `newMagnitudes`: share of the operator's deposit in each strategy, 1e18 = all of it.
    struct AllocateParams {
        OperatorSet operatorSet;
        address[] strategies;
        uint64[] newMagnitudes;
    }

    /// @notice `wadsToSlash`: share of the allocated stake, 1e18 = all of it; strategies ascending.
    struct SlashingParams {
        address operator;
        uint32 operatorSetId;
        address[] strategies;
        uint256[] wadsToSlash;
        string description;
    }

    function updateAVSMetadataURI(address avs, string calldata metadataURI) external;
    function createOperatorSets(address avs, CreateSetParams[] calldata params) external;
    function registerForOperatorSets(address operator, RegisterParams calldata params) external;
    function deregisterFromOperatorSets(DeregisterParams calldata params) external;
    function modifyAllocations(address operator, AllocateParams[] calldata params) external;

    /// @dev Declared without return values: v1.4 has none, later versions return the slash id and the shares.
    function slashOperator(address avs, SlashingParams calldata params) external;

    /// @notice Stake (operator by strategy) that is certain to stay slashable until `futureBlock`.
    function getMinimumSlashableStake(
        OperatorSet calldata operatorSet,
        address[] calldata operators,
        address[] calldata strategies,
        uint32 futureBlock
    ) external view returns (uint256[][] memory slashableStake);

    function getAllocatedStake(
        OperatorSet calldata operatorSet,
        address[] calldata operators,
        address[] calldata strategies
    ) external view returns (uint256[][] memory stake);

    /// @notice Whether the operator is a member of the set, or left it so recently that its stake can still be slashed.
    function isOperatorSlashable(address operator, OperatorSet calldata operatorSet) external view returns (bool);

    function getMembers(OperatorSet calldata operatorSet) external view returns (address[] memory);
    function isMemberOfOperatorSet(address operator, OperatorSet calldata operatorSet) external view returns (bool);
}
