// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IKeeperRegistry} from "./interfaces/IKeeperRegistry.sol";
import {IServiceManager} from "./interfaces/IServiceManager.sol";
import {BLS12381} from "./libraries/BLS12381.sol";
import {CodeStore} from "./libraries/CodeStore.sol";
import {EpochTable} from "./libraries/EpochTable.sol";
import {Words} from "./libraries/Words.sol";
import {Places} from "./Places.sol";

/// @title Operators
/// @notice Who the operators are, and their keys.
/// @dev Which places they have is in Places.
abstract contract Operators is Places {
    /* CONSTANTS */

    /// @dev Caps one stake so that 256 of them fit 96 bits, whatever decimals the staked token has.
    uint256 private constant MAX_STAKE = type(uint88).max;

    uint96 public immutable minimumStake;

    /* STORAGE */

    mapping(bytes32 keyHash => address) private _keyOwner;
    mapping(bytes32 peerKey => address) private _peerKeyOwner;
    address[] internal _keyChunks;

    constructor(IServiceManager serviceManager_, uint96 minimumStake_) Places(serviceManager_) {
        minimumStake = minimumStake_ == 0 ? 1 : minimumStake_;
    }

    modifier onlyServiceManager() {
        if (msg.sender != address(serviceManager)) revert OnlyServiceManager();
        _;
    }

    /* COMING AND GOING */

    /// @inheritdoc IKeeperRegistry
    function register(address operator, bytes calldata blsKey, bytes calldata proofOfPossession, bytes32 peerKey)
        external
        onlyServiceManager
    {
        Operator storage record = _operators[operator];
        if (record.registered) revert AlreadyRegistered();
        _takePlace(operator, record);
        record.registered = true;
        _setKeys(operator, record, blsKey, proofOfPossession, peerKey);
        // a stake below the minimum is zero here, exactly
        // slither-disable-next-line incorrect-equality
        if (_stakesOf(_list(operator))[0] == 0) revert NoStake();
        emit OperatorRegistered(operator, record.index, blsKey, peerKey);
    }

    /// @inheritdoc IKeeperRegistry
    function rotateKeys(bytes calldata blsKey, bytes calldata proofOfPossession, bytes32 peerKey) external {
        Operator storage record = _operators[msg.sender];
        if (!record.registered) revert NotRegistered();
        if (record.keyHash == keccak256(blsKey) && record.peerKey == peerKey) revert KeysUnchanged();
        _setKeys(msg.sender, record, blsKey, proofOfPossession, peerKey);
        emit KeysRotated(msg.sender, record.index, blsKey, peerKey);
    }

    function _setKeys(
        address operator,
        Operator storage record,
        bytes calldata blsKey,
        bytes calldata proofOfPossession,
        bytes32 peerKey
    ) private {
        bytes32 keyHash = keccak256(blsKey);
        if (_isOthers(_keyOwner[keyHash], operator)) revert KeyInUse();
        if (peerKey == 0) revert ZeroPeerKey();
        if (_isOthers(_peerKeyOwner[peerKey], operator)) revert PeerKeyInUse();
        _checkPossession(operator, blsKey, proofOfPossession, peerKey);
        if (record.keyHash == keyHash && record.peerKey == peerKey) return;
        _writeKeys(record.index, bytes.concat(blsKey, peerKey));
        record.keyHash = keyHash;
        record.peerKey = peerKey;
        _keyOwner[keyHash] = operator;
        _peerKeyOwner[peerKey] = operator;
    }

    /// @inheritdoc IKeeperRegistry
    function deregister(address operator) external onlyServiceManager {
        _leave(operator, _operators[operator]);
    }

    /* KEYS */

    /// @dev Keys stay with their first owner for ever, also after it left: old signatures must never become another's.
    function _isOthers(address owner, address operator) private pure returns (bool) {
        return owner != address(0) && owner != operator;
    }

    /// @dev The pairing also checks that key and proof lie in the right subgroups, which no later addition does.
    function _checkPossession(address operator, bytes calldata blsKey, bytes calldata proof, bytes32 peerKey)
        private
        view
    {
        if (blsKey.length != BLS12381.G2_PACKED) revert InvalidKeyLength();
        if (proof.length != BLS12381.G1_PACKED) revert InvalidSignatureLength();
        if (BLS12381.isZero(blsKey)) revert InfinityKey();
        if (BLS12381.isZero(proof)) revert InvalidProofOfPossession();
        bytes memory message = bytes.concat(possessionDigest(operator, blsKey, peerKey));
        if (!BLS12381.verify(proof, message, BLS12381.POSSESSION_DST, BLS12381.pad(blsKey))) {
            revert InvalidProofOfPossession();
        }
    }

    /// @dev Writes the chunk of a row of keys anew. Tables of earlier epochs go on pointing to the old one.
    function _writeKeys(uint256 index, bytes memory row) private {
        uint256 chunk = index / EpochTable.BLOCK_ROWS;
        if (chunk == _keyChunks.length) {
            _keyChunks.push(CodeStore.write(row));
            return;
        }
        bytes memory rows = CodeStore.read(_keyChunks[chunk]);
        uint256 offset = (index % EpochTable.BLOCK_ROWS) * EpochTable.KEY_ROW;
        if (offset == rows.length) {
            rows = bytes.concat(rows, row);
        } else {
            Words.copy(rows, offset, row, 0, row.length);
        }
        _keyChunks[chunk] = CodeStore.write(rows);
    }

    /* STAKES */

    function _stakesOf(address[] memory operators) internal view returns (uint96[] memory capped) {
        uint256[] memory stakes = serviceManager.stakes(operators);
        capped = new uint96[](operators.length);
        for (uint256 i = 0; i < operators.length; ++i) {
            if (stakes[i] < minimumStake) continue;
            capped[i] = uint96(stakes[i] < MAX_STAKE ? stakes[i] : MAX_STAKE);
        }
    }

    function _list(address operator) private pure returns (address[] memory list) {
        list = new address[](1);
        list[0] = operator;
    }

    /* VIEWS */

    /// @inheritdoc IKeeperRegistry
    function possessionDigest(address operator, bytes calldata blsKey, bytes32 peerKey) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), operator, keccak256(blsKey), peerKey));
    }
}
