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
    event OperatorSlashed(address indexed operator, uint256 wad, string description);

    error OnlyAllocationManager();
    error OnlyChallenger();
    error UnknownAVS(address avs);
    error UnknownOperatorSet();
    error InvalidWad(uint256 wad);

    /// @notice Slashable stake of each operator; zero for one that is not a member.
    function stakes(address[] calldata operators) external view returns (uint256[] memory);

    /// @notice Takes `wad` (1e18 = all) of an operator's allocated stake. Only the challenger, which is nobody until set.
    function slash(address operator, uint256 wad, string calldata description) external;

    function challenger() external view returns (address);
}
