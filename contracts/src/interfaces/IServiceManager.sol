// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title IAVSRegistrar
/// @notice What EigenLayer's AllocationManager calls when an operator enters or leaves our operator set.
interface IAVSRegistrar {
    /// @param data abi.encode(bytes blsKey, bytes proofOfPossession, bytes32 peerKey)
    function registerOperator(address operator, address avs, uint32[] calldata operatorSetIds, bytes calldata data)
        external;

    /// @dev Must not revert, or operators could not leave.
    function deregisterOperator(address operator, address avs, uint32[] calldata operatorSetIds) external;

    function supportsAVS(address avs) external view returns (bool);
}

/// @title IServiceManager
/// @notice Our side of EigenLayer: the AVS address, the registrar, and the only one who may slash.
interface IServiceManager is IAVSRegistrar {
    event ChallengerChanged(address indexed challenger);
    /// @notice `amount`: stake taken, in the strategy's shares; zero if none was slashable any more.
    event OperatorSlashed(address indexed operator, uint256 wad, uint256 amount, string description);

    error OnlyAllocationManager();
    error OnlyChallenger();
    error UnknownAVS(address avs);
    error UnknownOperatorSet();
    error InvalidWad(uint256 wad);

    /// @notice Slashable stake of each operator, also of one that left lately; zero for one that is out of reach.
    function stakes(address[] calldata operators) external view returns (uint256[] memory);

    /// @notice Takes `wad` (1e18 = all) of an operator's allocated stake and returns how much that was: zero for an
    /// operator that left too long ago. Only the challenger.
    function slash(address operator, uint256 wad, string calldata description) external returns (uint256 amount);

    /// @notice Stops an operator from counting, from this block on, also in the epochs it is part of. Only the challenger.
    function eject(address operator) external;

    /// @notice How many blocks after its snapshot the stake of an epoch is certain to be slashable.
    function slashableBlocks() external view returns (uint32);

    function challenger() external view returns (address);
}
